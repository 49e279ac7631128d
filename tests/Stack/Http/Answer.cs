using System.Net;
using System.Text.Json;

namespace Messaging.Stack;

/// <summary>An answer, read whole.</summary>
public sealed record Answer(HttpStatusCode Status, string Body, IReadOnlyDictionary<string, string> Headers)
{
    public string this[string header] => Headers.GetValueOrDefault(header, "");

    public string Code => Member("code");

    public static async Task<Answer> ReadAsync(HttpResponseMessage response)
    {
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), headers);
    }

    public string Member(string name)
    {
        using var document = JsonDocument.Parse(Body);
        return document.RootElement.TryGetProperty(name, out var member) ? member.ToString() : "";
    }

    /// <summary>All that every problem must be, in every environment.</summary>
    public Answer MustBe(HttpStatusCode status, string code)
    {
        Assert.True(status == Status, $"{(int)Status} {Body}");
        Assert.Equal("application/problem+json", this["Content-Type"]);
        Assert.Equal(code, Code);
        Assert.Equal(((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture), Member("status"));
        Assert.True(Uri.TryCreate(Member("type"), UriKind.Absolute, out var type) && type.AbsolutePath == $"/problems/{code}", Member("type"));
        Assert.NotEmpty(Member("title"));
        Assert.NotEmpty(Member("detail"));
        Assert.Equal("no-store", this["Cache-Control"]);
        Assert.Equal("nosniff", this["X-Content-Type-Options"]);
        Assert.DoesNotContain("Server", Headers.Keys);
        return this;
    }

    public Answer MustBe(HttpStatusCode status)
    {
        Assert.True(status == Status, $"{(int)Status} {Body}");
        return this;
    }
}
