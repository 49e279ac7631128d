using System.Diagnostics;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>The next window sees a channel closed before the client library has told why, and throws it away.</summary>
public sealed class ClosedChannelTests(SharedServers servers)
{
    private const int Rounds = 20;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Whoever_waits_on_a_channel_that_the_broker_closed_is_told_its_reason_however_soon_the_channel_is_thrown_away()
    {
        var broker = await servers.RabbitMqAsync();
        await using var host = await broker.CreateVirtualHostAsync("closed");
        await using var connection = await host.ConnectAsync();
        for (var round = 0; round < Rounds; round++)
        {
            var channel = await ConfirmedChannel.OpenAsync(connection, TestContext.Current.CancellationToken);
            var sending = channel.SendAsync([ToNowhere()], Limit, TestContext.Current.CancellationToken);
            var startedAt = Stopwatch.GetTimestamp();
            while (channel.IsOpen)
            {
                Assert.True(Stopwatch.GetElapsedTime(startedAt) < Limit, "The broker left the channel open.");
                await Task.Yield();
            }

            await channel.DisposeAsync();

            var exception = await Assert.ThrowsAnyAsync<Exception>(() => sending);
            Assert.Contains("no exchange 'nowhere'", exception.Message, StringComparison.Ordinal);
        }
    }

    private static OutgoingMessage ToNowhere() => new()
    {
        Id = Guid.CreateVersion7(),
        Destination = Destination.Queue("nowhere"),
        MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
        Body = "{}"u8.ToArray(),
        Client = "closed",
        IdempotencyKey = "key",
        AcceptedAtMs = 0,
    };
}
