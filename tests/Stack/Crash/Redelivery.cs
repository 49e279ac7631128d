using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Stack;

/// <summary>The messages of some keys exactly as they were published, to be handed out again: what a broker does that lost an acknowledgement.</summary>
internal sealed class Redelivery
{
    private readonly CrashLane _lane;
    private readonly IReadOnlyList<OutgoingMessage> _messages;

    private Redelivery(CrashLane lane, IReadOnlyList<OutgoingMessage> messages) => (_lane, _messages) = (lane, messages);

    /// <param name="lane">Where they were accepted.</param>
    /// <param name="keys">A condition on <c>submissions</c>; each message is as old as its submission says now.</param>
    public static async Task<Redelivery> OfAsync(CrashLane lane, string keys)
    {
        await using var connection = await lane.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {OutgoingMessage.Columns.Replace("o.attempts", "0", StringComparison.Ordinal)} FROM submissions AS o WHERE {keys}";
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var messages = new List<OutgoingMessage>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            messages.Add(OutgoingMessage.Read(lane.Dialect, reader));
        }

        return new Redelivery(lane, messages);
    }

    /// <summary>Into the hands of a service that runs.</summary>
    public async Task SendAsync(HostedService service)
    {
        await Eventually.Succeeds(() => service.Services.GetRequiredService<ITransport>().SendAsync(_messages, TestContext.Current.CancellationToken));
        await Eventually.Equal(0L, _lane.QueuedAsync);
    }

    /// <summary>
    /// For the process that starts next: it hands them to its own consumer while it begins to purge. Under ids of their own, because
    /// retention waits for a message that goes out under its submission's.
    /// </summary>
    public async Task LeaveAsync()
    {
        await using var connection = await _lane.OpenAsync();
        await using var transaction = await _lane.Dialect.BeginAsync(connection, TestContext.Current.CancellationToken);
        await using var command = transaction.CreateCommand();
        Dialect.Add(command, "@lease_ms", 0L);
        command.CommandText = OutgoingTable.Insert(_lane.Dialect, command, [.. _messages.Select(m => m with { Id = Guid.CreateVersion7() })]);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);
    }
}
