using Messaging.Services;

namespace Messaging.Stack;

/// <summary>
/// One broker for the tests of a class, which run one after the other and stop it, freeze it or rob it of its data: to start one takes ten
/// seconds of a processor. A test gives it back as it got it; after one that did not, because it failed, the next has a new one.
/// </summary>
public sealed class OwnBroker : IAsyncDisposable
{
    private RabbitMqServer? _broker;
    private bool _isGivenBack;

    public async Task<RabbitMqServer> TakeAsync()
    {
        if (!_isGivenBack)
        {
            await DisposeAsync();
        }

        _isGivenBack = false;
        return _broker ??= await SharedServers.OwnRabbitMqAsync();
    }

    public void GiveBack() => _isGivenBack = true;

    public async ValueTask DisposeAsync()
    {
        (var broker, _broker) = (_broker, null);
        if (broker is not null)
        {
            await broker.DisposeAsync();
        }
    }
}
