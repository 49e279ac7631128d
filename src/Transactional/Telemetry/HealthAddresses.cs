using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Messaging.Transactional;

/// <summary><c>/health/live</c>: the process answers. <c>/health/ready</c>: it can work, or says what it lacks.</summary>
public static class HealthAddresses
{
    /// <summary>Maps both. Ready asks the checks with the tag <c>ready</c>: the engine's own and MassTransit's have it.</summary>
    /// <param name="app">After <c>AddTransactional</c>.</param>
    public static void MapHealth(this IEndpointRouteBuilder app)
    {
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteAsync });
        app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains("ready"), ResponseWriter = WriteAsync });
    }

    private static async Task WriteAsync(HttpContext http, HealthReport report)
    {
        http.Response.ContentType = "application/json";
        await http.Response.BodyWriter.WriteAsync(HealthReportJson.Of(report), http.RequestAborted);
    }
}
