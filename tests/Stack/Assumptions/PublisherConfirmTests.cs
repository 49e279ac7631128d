using System.Text;
using Messaging.Services;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Messaging.Stack;

/// <summary>What a confirm proves, and what it does not.</summary>
public sealed class PublisherConfirmTests(SharedServers servers) : IAsyncLifetime
{
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("{}");

    private VirtualHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await (await servers.RabbitMqAsync()).CreateVirtualHostAsync();

    public ValueTask DisposeAsync() => _host?.DisposeAsync() ?? ValueTask.CompletedTask;

    [Fact]
    public Task A_message_that_no_queue_takes_is_confirmed_like_any_other()
        => Amqp.WithChannelAsync(_host, async channel => await channel.BasicPublishAsync("amq.fanout", string.Empty, mandatory: false, Body));

    [Fact]
    public Task A_mandatory_message_that_no_queue_takes_is_returned()
        => Amqp.WithChannelAsync(_host, async channel =>
        {
            var exception = await Assert.ThrowsAnyAsync<PublishException>(
                async () => await channel.BasicPublishAsync("amq.fanout", string.Empty, mandatory: true, Body, TestContext.Current.CancellationToken));

            Assert.True(exception.IsReturn);
            var returned = Assert.IsType<PublishReturnException>(exception);
            Assert.Equal(312, returned.ReplyCode);
            Assert.True(channel.IsOpen);
        });

    [Fact]
    public Task A_returned_message_does_not_disturb_the_others_of_its_window()
        => Amqp.WithChannelAsync(_host, async channel =>
        {
            await channel.QueueDeclareAsync("q", durable: true, exclusive: false, autoDelete: false, Amqp.Quorum);

            var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
            {
                try
                {
                    await channel.BasicPublishAsync(string.Empty, i % 10 == 0 ? "nowhere" : "q", mandatory: true, Body);
                    return true;
                }
                catch (PublishException exception) when (exception.IsReturn)
                {
                    return false;
                }
            }));

            Assert.Equal(180, results.Count(confirmed => confirmed));
            Assert.All(results.Index(), result => Assert.Equal(result.Index % 10 != 0, result.Item));
            await Eventually.Equal(180, async () => (await _host.QueueAsync("q"))!.Value.Ready);
        });

    [Fact]
    public Task An_exchange_that_is_not_there_closes_the_channel_and_fails_the_whole_window()
        => Amqp.WithChannelAsync(_host, async channel =>
        {
            await Assert.ThrowsAnyAsync<RabbitMQClientException>(
                async () => await channel.BasicPublishAsync("nowhere", string.Empty, mandatory: true, Body, TestContext.Current.CancellationToken));

            await Eventually.True(() => !channel.IsOpen);
            Assert.Equal<int?>(404, channel.CloseReason?.ReplyCode);
        });

    [Fact]
    public async Task Confirms_outstanding_when_the_broker_dies_fail_and_do_not_hang()
    {
        await using var server = await SharedServers.OwnRabbitMqAsync();
        await using var host = await server.CreateVirtualHostAsync();
        await Amqp.WithChannelAsync(host, async channel =>
        {
            await channel.QueueDeclareAsync("q", durable: true, exclusive: false, autoDelete: false, Amqp.Quorum);
            await server.PauseAsync();
            var outstanding = Enumerable.Range(0, 10).Select(_ => channel.BasicPublishAsync(string.Empty, "q", mandatory: true, Body).AsTask()).ToList();

            await server.KillAsync();

            var all = Task.WhenAll(outstanding.Select(async publish => Assert.NotNull(await Record.ExceptionAsync(() => publish))));
            await all.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        });
    }
}
