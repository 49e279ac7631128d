using System.Runtime.InteropServices;

namespace Messaging.Cli;

/// <summary>Ctrl-C and SIGTERM: the first ends the work in good order, the second at once.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _quit = new();
    private readonly List<PosixSignalRegistration> _registrations;

    public Interruption() => _registrations =
        [PosixSignalRegistration.Create(PosixSignal.SIGINT, Take), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take)];

    public CancellationToken Stop => _stop.Token;

    public CancellationToken Quit => _quit.Token;

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
        _quit.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        (_stop.IsCancellationRequested ? _quit : _stop).Cancel();
    }
}
