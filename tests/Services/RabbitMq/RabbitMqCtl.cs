using System.Text.Json;
using System.Text.Json.Nodes;

namespace Messaging.Services;

internal sealed class RabbitMqCtl(IServer server) : IBrokerAdministration
{
    public async Task CreateVirtualHostAsync(string name)
    {
        await server.RunAsync("rabbitmqctl", "-q", "add_vhost", name);
        await server.RunAsync("rabbitmqctl", "-q", "set_permissions", "-p", name, BrokerSettings.User, ".*", ".*", ".*");
    }

    public Task DeleteVirtualHostAsync(string name) => server.RunAsync("rabbitmqctl", "-q", "delete_vhost", name);

    public async Task<IReadOnlyList<QueueStatistics>> QueuesAsync(string virtualHost)
    {
        var json = await server.RunAsync(
            "rabbitmqctl", "-q", "list_queues", "--formatter", "json", "-p", virtualHost,
            "name", "type", "messages_ready", "messages_unacknowledged");
        var rows = JsonNode.Parse(json) as JsonArray ?? throw new JsonException($"rabbitmqctl printed no list: {json}");
        return [.. rows.Select(row => new QueueStatistics(
            Text(row, "name"),
            Type(Text(row, "type")),
            Count(row, "messages_ready"),
            Count(row, "messages_unacknowledged")))];
    }

    public async Task<string> VersionAsync()
        => (await server.RunAsync("rabbitmqctl", "-q", "version")).Trim();

    private static string Text(JsonNode? row, string column) => row?[column]?.GetValue<string>() ?? string.Empty;

    /// <summary>A queue whose leader is away has no counts: an empty string stands where the number would.</summary>
    private static long Count(JsonNode? row, string column)
        => row?[column] is JsonValue value && value.TryGetValue<long>(out var count) ? count : -1;

    /// <summary>3.x prints the module (rabbit_quorum_queue), 4.x the name (quorum).</summary>
    private static string Type(string printed)
        => printed.StartsWith("rabbit_", StringComparison.Ordinal) ? printed.Split('_')[1] : printed;
}
