using System.Net;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Messaging.Unit;

public sealed class HealthAddressesTests
{
    [Fact]
    public async Task Ready_says_what_is_lacking_of_the_checks_that_are_tagged_so_and_live_asks_none()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting().AddHealthChecks()
            .AddCheck("database", () => HealthCheckResult.Unhealthy("It is away."), tags: ["ready"])
            .AddCheck("other", () => HealthCheckResult.Unhealthy("Of no concern."));
        await using var app = builder.Build();
        app.MapHealth();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        Assert.Equal((HttpStatusCode.OK, "application/json", """{"status":"healthy","checks":{}}"""), await GetAsync(http, "health/live"));
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "application/json", """{"status":"unhealthy","checks":{"database":{"status":"unhealthy","description":"It is away."}}}"""),
            await GetAsync(http, "health/ready"));
    }

    private static async Task<(HttpStatusCode, string?, string)> GetAsync(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
