using System.Reflection;
using Messaging.Transactional;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Messaging.Unit;

/// <summary>A channel that several windows use, and a broker that takes nothing, or answers for some.</summary>
public sealed class ConfirmedChannelTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Whoever_waits_for_a_turn_on_a_channel_that_is_let_go_is_told()
    {
        var broken = new TaskCompletionSource();
        var broker = Broker.Create(publish: broken.Task);
        var channel = await ConfirmedChannel.OpenAsync((IConnection)(object)broker, CancellationToken.None);
        var publishing = channel.SendAsync([Message()], Limit, CancellationToken.None);
        await broker.Stuck.WaitAsync(Limit, TestContext.Current.CancellationToken);
        var waiting = channel.SendAsync([Message()], Limit, CancellationToken.None);

        await channel.DisposeAsync();
        broken.SetException(new IOException("The connection broke."));

        await Assert.ThrowsAsync<IOException>(() => publishing.WaitAsync(Limit, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<IOException>(() => waiting.WaitAsync(Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_the_broker_answered_in_time_counts_and_the_window_that_it_answers_late_is_nobodys()
    {
        var broker = Broker.Create(publish: Task.CompletedTask);
        var channel = await ConfirmedChannel.OpenAsync((IConnection)(object)broker, CancellationToken.None);
        var inPart = channel.SendAsync([Message(), Message(), Message()], TimeSpan.FromSeconds(1), CancellationToken.None);
        await broker.ConfirmAsync(2);
        var answered = await inPart;

        var next = channel.SendAsync([Message()], Limit, CancellationToken.None);
        await broker.ConfirmAsync(3);
        await broker.ConfirmAsync(4);
        Assert.Equal([SendResult.Confirmed], await next);
        Assert.Equal([SendOutcome.Unanswered, SendOutcome.Confirmed, SendOutcome.Unanswered], answered.Select(result => result.Outcome));
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

    /// <summary>The client library's connection and channel, as far as they are asked: a publish ends and is confirmed when the test says so.</summary>
    public class Broker : DispatchProxy
    {
        private readonly TaskCompletionSource _stuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Task _publish = Task.CompletedTask;
        private AsyncEventHandler<BasicAckEventArgs>? _acks;

        /// <summary>Ends when something is being published.</summary>
        public Task Stuck => _stuck.Task;

        /// <returns>A connection.</returns>
        public static Broker Create(Task publish)
        {
            var broker = (Broker)(object)Create<IConnection, Broker>();
            broker._publish = publish;
            return broker;
        }

        public Task ConfirmAsync(ulong tag) => _acks!(this, new BasicAckEventArgs(tag, multiple: false));

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
                    case "add_" + nameof(IChannel.BasicAcksAsync):
                        Owner._acks = (AsyncEventHandler<BasicAckEventArgs>)args![0]!;
                        return null;
                    case nameof(IAsyncDisposable.DisposeAsync):
                        return ValueTask.CompletedTask;
                    default:
                        return null;
                }
            }
        }
    }
}
