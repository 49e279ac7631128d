using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Messaging.Services;

/// <summary>The management API of one broker.</summary>
internal sealed class RabbitMqManagement : IBrokerAdministration, IDisposable
{
    /// <summary>As the queues tell them, not as the plugin gathers them every five seconds.</summary>
    private const string CountersAlone = "disable_stats=true&enable_queue_totals=true";

    /// <summary>A quorum queue reports every five seconds unless told otherwise.</summary>
    private static readonly TimeSpan CountersAgeOfNamed = TimeSpan.FromSeconds(6);

    private readonly HttpClient _http;
    private readonly string _user;
    private readonly TimeSpan _countersAge;

    /// <param name="address">Where it listens.</param>
    /// <param name="credentials">User, colon, password.</param>
    /// <param name="countersAge">How old the counters may be that it tells.</param>
    public RabbitMqManagement(Uri address, string credentials, TimeSpan countersAge)
    {
        _countersAge = countersAge;
        _user = credentials.Split(':')[0];
        _http = new HttpClient { BaseAddress = address };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
    }

    /// <summary>
    /// For the server named in MESSAGING_TEST_RABBITMQ. Its management plugin is looked for on port 15672 of the same host,
    /// or where MESSAGING_TEST_RABBITMQ_MANAGEMENT says.
    /// </summary>
    public static RabbitMqManagement OfNamed(Uri broker)
    {
        var address = Environment.GetEnvironmentVariable("MESSAGING_TEST_RABBITMQ_MANAGEMENT") ?? $"http://{broker.Host}:15672";
        var credentials = Uri.UnescapeDataString(broker.UserInfo.Length > 0 ? broker.UserInfo : "guest:guest");
        return new(new Uri(address.TrimEnd('/') + "/"), credentials, CountersAgeOfNamed);
    }

    public Uri Address => _http.BaseAddress!;

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

    /// <summary>Waits until no counter is older than the question: an old zero would say that a queue is drained.</summary>
    public async Task<IReadOnlyList<QueueStatistics>> QueuesAsync(string virtualHost)
    {
        await Task.Delay(_countersAge, TimeProvider.System);
        var rows = await GetAsync($"api/queues/{virtualHost}?{CountersAlone}") as JsonArray ?? throw new JsonException("The management API gave no list.");
        return [.. rows.Select(row => new QueueStatistics(
            row?["name"]?.GetValue<string>() ?? string.Empty,
            row?["type"]?.GetValue<string>() ?? string.Empty,
            Count(row, "messages_ready"),
            Count(row, "messages_unacknowledged")))];
    }

    public async Task<string> VersionAsync()
        => (await GetAsync("api/overview"))?["rabbitmq_version"]?.GetValue<string>() ?? string.Empty;

    public void Dispose() => _http.Dispose();

    /// <summary>A queue that was declared a moment ago, or whose leader is away, has no counts: -1, which is not drained.</summary>
    private static long Count(JsonNode? row, string column) => row?[column]?.GetValue<long>() ?? -1;

    private async Task PutAsync(string path, JsonObject body)
    {
        using var answer = await _http.PutAsJsonAsync(new Uri(path, UriKind.Relative), body);
        answer.EnsureSuccessStatusCode();
    }

    private Task<JsonNode?> GetAsync(string path) => _http.GetFromJsonAsync<JsonNode>(new Uri(path, UriKind.Relative));
}
