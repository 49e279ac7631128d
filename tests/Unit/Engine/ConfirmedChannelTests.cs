using System.Reflection;
using Messaging.Transactional;
using RabbitMQ.Client;

namespace Messaging.Unit;

/// <summary>A channel that is let go while three windows use it: one is being published, one waits for its turn, one for its confirms.</summary>
public sealed class ConfirmedChannelTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Whoever_waits_for_a_turn_on_a_channel_that_is_let_go_is_told()
    {
        var broken = new TaskCompletionSource();
        var (connection, stuck) = Broker.Create(publish: broken.Task);
        var channel = await ConfirmedChannel.OpenAsync(connection, CancellationToken.None);
        var publishing = channel.SendAsync([Message()], CancellationToken.None);
        await stuck.WaitAsync(Limit, TestContext.Current.CancellationToken);
        var waiting = channel.SendAsync([Message()], CancellationToken.None);

        await channel.DisposeAsync();
        broken.SetException(new IOException("The connection broke."));

        await Assert.ThrowsAsync<IOException>(() => publishing.WaitAsync(Limit, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<IOException>(() => waiting.WaitAsync(Limit, TestContext.Current.CancellationToken));
    }

    private static OutgoingMessage Message() => new()
    {
        Id = Guid.CreateVersion7(),
        Destination = Destination.Queue("orders"),
        MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
        Body = "{}"u8.ToArray(),
        Client = "acme",
        IdempotencyKey = "k",
        AcceptedAtMs = 0,
    };

    /// <summary>The client library's connection and channel, as far as they are asked: a publish ends when the test says so.</summary>
    public class Broker : DispatchProxy
    {
        private readonly TaskCompletionSource _stuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Task _publish = Task.CompletedTask;

        /// <returns>A connection, and a task that ends when something is being published.</returns>
        public static (IConnection Connection, Task Stuck) Create(Task publish)
        {
            var connection = Create<IConnection, Broker>();
            ((Broker)(object)connection)._publish = publish;
            return (connection, ((Broker)(object)connection)._stuck.Task);
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            switch (targetMethod!.Name)
            {
                case nameof(IConnection.CreateChannelAsync):
                    var channel = Create<IChannel, Channel>();
                    ((Channel)(object)channel).Owner = this;
                    return Task.FromResult(channel);
                default:
                    return null;
            }
        }

        private async Task PublishAsync()
        {
            _stuck.TrySetResult();
            await _publish;
        }

        /// <summary>Of that connection.</summary>
        public class Channel : DispatchProxy
        {
            public Broker Owner { get; set; } = null!;

            protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
            {
                switch (targetMethod!.Name)
                {
                    case nameof(IChannel.BasicPublishAsync):
                        return new ValueTask(Owner.PublishAsync());
                    case nameof(IAsyncDisposable.DisposeAsync):
                        return ValueTask.CompletedTask;
                    default:
                        return null;
                }
            }
        }
    }
}
