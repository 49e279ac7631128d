using System.Globalization;
using MassTransit;
using Messaging.Services;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Stack;

/// <summary>How a quorum queue may refuse us, and how it may lose a message.</summary>
public sealed class QuorumQueueTests(SharedServers servers) : IAsyncLifetime
{
    private RabbitMqServer _server = null!;
    private VirtualHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await servers.RabbitMqAsync();
        _host = await _server.CreateVirtualHostAsync();
    }

    public ValueTask DisposeAsync() => _host?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Theory]
    [InlineData("quorum", 20)]
    [InlineData("quorum", null)]
    [InlineData("classic", null)]
    public async Task A_redeclaration_with_other_arguments_is_refused_with_406(string type, int? limit)
    {
        await Amqp.DeclareAsync(_host, "q", Limited(1_000_000_000));
        var other = new Dictionary<string, object?> { ["x-queue-type"] = type };
        if (limit is not null)
        {
            other["x-delivery-limit"] = limit;
        }

        var refusal = await Assert.ThrowsAsync<OperationInterruptedException>(() => Amqp.DeclareAsync(_host, "q", other));

        Assert.Equal<int?>(406, refusal.ShutdownReason?.ReplyCode);
    }

    [Fact]
    public async Task MassTransit_declares_the_same_queue_as_a_plain_client_with_the_same_arguments()
    {
        await using (await StartEndpointAsync())
        {
            await Amqp.DeclareAsync(_host, "q", Limited(1_000_000_000));
        }
    }

    [Fact]
    public async Task A_message_returned_more_often_than_the_limit_is_dropped()
    {
        await Amqp.DeclareAsync(_host, "q", Limited(3));

        Assert.Equal(4, await ReturnUntilGoneAsync("q", most: 10));
    }

    [Fact]
    public async Task A_limit_of_a_thousand_million_is_not_reached_by_accident()
    {
        await Amqp.DeclareAsync(_host, "q", Limited(1_000_000_000));

        Assert.Equal(60, await ReturnUntilGoneAsync("q", most: 60));
    }

    [Fact]
    public async Task Without_a_limit_RabbitMQ_4_drops_a_message_and_RabbitMQ_3_keeps_it()
    {
        await Amqp.DeclareAsync(_host, "q", Amqp.Quorum);

        // 4.3 no longer counts a return by the consumer, only a consumer that died.
        var version = await MajorMinorAsync();
        var expected = version.Major < 4 || version >= new Version(4, 3) ? 60 : 21;
        Assert.Equal(expected, await ReturnUntilGoneAsync("q", most: 60));
    }

    [Fact]
    public async Task A_negative_limit_means_never_on_RabbitMQ_4_and_at_once_on_RabbitMQ_3()
    {
        await Amqp.DeclareAsync(_host, "q", Limited(-1));

        var version = await MajorMinorAsync();
        Assert.Equal(version.Major < 4 ? 1 : 60, await ReturnUntilGoneAsync("q", most: 60));
    }

    [Fact]
    public async Task A_connection_that_dies_counts_a_delivery_for_every_message_it_held()
    {
        await Amqp.DeclareAsync(_host, "q", Limited(1_000_000_000));
        await Amqp.PublishAsync(_host, "q", Amqp.Json(), "1", "2", "3");

        await Amqp.WithChannelAsync(_host, async channel =>
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.NotNull(await channel.BasicGetAsync("q", autoAck: false));
            }
        });
        await Eventually.Equal(3, async () => (await _host.QueueAsync("q"))!.Value.Ready);

        await Amqp.WithChannelAsync(_host, async channel =>
        {
            for (var i = 0; i < 3; i++)
            {
                var again = await channel.BasicGetAsync("q", autoAck: false);
                Assert.NotNull(again);
                Assert.True(again.Redelivered);
                Assert.Equal(1L, Convert.ToInt64(again.BasicProperties.Headers!["x-delivery-count"], CultureInfo.InvariantCulture));
            }
        });
    }

    private static Dictionary<string, object?> Limited(int limit) => new() { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = limit };

    private Task<Bus> StartEndpointAsync() => Bus.StartAsync(_host, rabbit => rabbit.ReceiveEndpoint("q", endpoint =>
    {
        endpoint.ConfigureConsumeTopology = false;
        foreach (var (name, value) in Limited(1_000_000_000))
        {
            endpoint.SetQueueArgument(name, value!);
        }
    }));

    /// <summary>Takes one message and gives it back until it does not come again; returns how often it came.</summary>
    private async Task<int> ReturnUntilGoneAsync(string queue, int most)
    {
        await Amqp.PublishAsync(_host, queue, Amqp.Json(), "1");
        var deliveries = 0;
        await Amqp.WithChannelAsync(_host, async channel =>
        {
            while (deliveries < most && await NextAsync(channel, queue) is { } message)
            {
                deliveries++;
                await channel.BasicNackAsync(message.DeliveryTag, multiple: false, requeue: true);
            }
        });
        return deliveries;
    }

    /// <summary>Null when the queue says that it holds nothing; an empty answer alone may only mean that the return was not applied yet.</summary>
    private async Task<BasicGetResult?> NextAsync(IChannel channel, string queue)
    {
        var (next, _) = await Eventually.Satisfies(
            async () =>
            {
                var message = await channel.BasicGetAsync(queue, autoAck: false);
                return (Message: message, Queue: message is null ? await _host.QueueAsync(queue) : null);
            },
            seen => seen.Message is not null || seen.Queue is { IsDrained: true },
            what: "the message or an empty queue");
        return next;
    }

    private async Task<Version> MajorMinorAsync()
    {
        var parts = (await _server.VersionAsync()).Split('.');
        return new Version(int.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
