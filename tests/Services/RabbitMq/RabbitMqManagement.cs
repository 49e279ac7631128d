using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Messaging.Services;

/// <summary>
/// For the server named in MESSAGING_TEST_RABBITMQ. Its management plugin is looked for on port 15672 of the same host,
/// or where MESSAGING_TEST_RABBITMQ_MANAGEMENT says.
/// </summary>
internal sealed class RabbitMqManagement : IBrokerAdministration, IDisposable
{
    private readonly HttpClient _http;
    private readonly string _user;

    public RabbitMqManagement(Uri broker)
    {
        var address = Environment.GetEnvironmentVariable("MESSAGING_TEST_RABBITMQ_MANAGEMENT") ?? $"http://{broker.Host}:15672";
        var credentials = Uri.UnescapeDataString(broker.UserInfo.Length > 0 ? broker.UserInfo : "guest:guest");
        _user = credentials.Split(':')[0];
        _http = new HttpClient { BaseAddress = new Uri(address.TrimEnd('/') + "/") };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
    }

    public async Task CreateVirtualHostAsync(string name)
    {
        await PutAsync($"api/vhosts/{name}", new JsonObject());
        await PutAsync($"api/permissions/{name}/{_user}", new JsonObject { ["configure"] = ".*", ["write"] = ".*", ["read"] = ".*" });
    }

    public async Task DeleteVirtualHostAsync(string name)
    {
        using var answer = await _http.DeleteAsync(new Uri($"api/vhosts/{name}", UriKind.Relative));
        answer.EnsureSuccessStatusCode();
    }

    public async Task<IReadOnlyList<QueueStatistics>> QueuesAsync(string virtualHost)
    {
        var rows = await GetAsync($"api/queues/{virtualHost}") as JsonArray ?? throw new JsonException("The management API gave no list.");
        return [.. rows.Select(row => new QueueStatistics(
            row?["name"]?.GetValue<string>() ?? string.Empty,
            row?["type"]?.GetValue<string>() ?? string.Empty,
            Count(row, "messages_ready"),
            Count(row, "messages_unacknowledged"),
            Count(row, "consumers")))];
    }

    public async Task<string> VersionAsync()
        => (await GetAsync("api/overview"))?["rabbitmq_version"]?.GetValue<string>() ?? string.Empty;

    public void Dispose() => _http.Dispose();

    /// <summary>A queue that was declared a moment ago has no counts yet.</summary>
    private static long Count(JsonNode? row, string column) => row?[column]?.GetValue<long>() ?? -1;

    private async Task PutAsync(string path, JsonObject body)
    {
        using var answer = await _http.PutAsJsonAsync(new Uri(path, UriKind.Relative), body);
        answer.EnsureSuccessStatusCode();
    }

    private Task<JsonNode?> GetAsync(string path) => _http.GetFromJsonAsync<JsonNode>(new Uri(path, UriKind.Relative));
}
