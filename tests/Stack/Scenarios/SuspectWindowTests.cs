using Messaging.Services;

namespace Messaging.Stack;

/// <summary>One window with messages for which the broker closes the channel, at its beginning, amid it and at its end.</summary>
public sealed class SuspectWindowTests(SharedServers servers)
{
    private const string Exchange = "Somebody:Secret";
    private const int WindowSize = 500;

    /// <summary>The window, and parts of it down to one message.</summary>
    private const int CopiesOfOneRound = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>And the connection, which other windows use too, is kept.</summary>
    [Fact]
    public async Task Each_message_for_which_the_broker_closes_the_channel_is_put_off_and_its_neighbours_go_out()
    {
        var broker = await servers.RabbitMqAsync();
        await using var line = new Line();
        await using var deployment = await StartAsync(broker, line, []);

        await SendAsync(broker, deployment, 1, 250, WindowSize);

        await AssertRefusedAloneAsync(deployment, 1, 250, WindowSize);
        Assert.Equal(1, line.Proxy!.Accepted);
    }

    /// <summary>A confirm takes 20 ms: one for each message of the window would take ten times what the whole may.</summary>
    [Fact]
    public async Task What_the_broker_has_confirmed_is_settled_however_long_the_search_takes()
    {
        var broker = await servers.RabbitMqAsync();
        await using var line = new Line { Latency = TimeSpan.FromMilliseconds(10) };
        await using var deployment = await StartAsync(broker, line, new() { ["Dispatch__ConfirmTimeoutMilliseconds"] = "1000" });

        await SendAsync(broker, deployment, WindowSize);

        await AssertRefusedAloneAsync(deployment, WindowSize);
    }

    /// <summary>A publisher that has declared its topology over the line.</summary>
    private async Task<Deployment> StartAsync(RabbitMqServer broker, Line line, Dictionary<string, string?> settings)
    {
        var deployment = await Deployment.StartAsync(broker, await servers.PostgresAsync(), consumers: 0, settings, address: line.To);
        await Eventually.True(async () => await deployment.Host.QueueAsync("orders") is not null, Limit);
        return deployment;
    }

    /// <summary>As a dead process leaves them: rows without a lease, of which the numbered ones are guilty.</summary>
    private static async Task SendAsync(RabbitMqServer broker, Deployment deployment, params int[] guilty)
    {
        await Amqp.DeclareInternalAsync(broker, deployment.Host, Exchange);
        await deployment.ExecuteAsync($"""
            INSERT INTO outgoing_messages (id, destination, message_type, body, client, idempotency_key, accepted_at_ms, attempts, leased_until_ms)
            SELECT lpad(n::text, 32, '0')::uuid, CASE WHEN n IN ({string.Join(", ", guilty)}) THEN 'exchange:{Exchange}' ELSE 'queue:orders' END,
                'urn:message:Anything', '[]', 'acme', n::text, 1, 0, 0
            FROM generate_series(1, {WindowSize}) AS n
            """);
    }

    private static async Task AssertRefusedAloneAsync(Deployment deployment, params int[] guilty)
    {
        await Eventually.Equal((long)guilty.Length, () => deployment.CountAsync("SELECT count(*) FROM outgoing_messages"), Limit);
        await Eventually.Satisfies(
            () => deployment.TextsAsync("SELECT idempotency_key FROM outgoing_messages WHERE attempts > 0 AND last_error LIKE '%ACCESS_REFUSED%' ORDER BY id"),
            refused => refused.SequenceEqual(guilty.Select(n => $"{n}")), Limit);

        var copies = await deployment.DrainAsync("orders");
        Assert.Equal(Enumerable.Range(1, WindowSize).Except(guilty), copies.Keys.Select(int.Parse).Order());
        // A few rounds, where the machine is so slow that a lease ended or an answer was late.
        Assert.InRange(copies.Values.Max(), 1, 5 * CopiesOfOneRound);
    }

    /// <summary>What lies between the publisher and the broker.</summary>
    private sealed class Line : IAsyncDisposable
    {
        public TimeSpan Latency { get; init; }

        public FaultProxy? Proxy { get; private set; }

        public string To(VirtualHost host)
        {
            Proxy = new FaultProxy(host.Uri.Host, host.Uri.Port) { Latency = Latency };
            return new UriBuilder(host.Uri) { Host = "127.0.0.1", Port = Proxy.Port }.Uri.ToString();
        }

        public ValueTask DisposeAsync() => Proxy?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
