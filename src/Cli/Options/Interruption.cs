using System.Runtime.InteropServices;

namespace Messaging.Cli;

/// <summary>Ctrl-C and SIGTERM: the first ends the work in good order, the second at once, and further ones change nothing.</summary>
internal sealed class Interruption : IDisposable
{
    /// <summary>Held until the process has ended: a signal that comes while it ends must not take its exit code from it.</summary>
    private static readonly List<PosixSignalRegistration> Registrations = [];

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _quit = new();

    public Interruption() => Registrations.AddRange(
        [PosixSignalRegistration.Create(PosixSignal.SIGINT, Take), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take)]);

    public CancellationToken Stop => _stop.Token;

    public CancellationToken Quit => _quit.Token;

    /// <summary>Ends early when the user interrupts.</summary>
    public async Task PauseAsync(TimeSpan pause) =>
        await Task.Delay(pause, TimeProvider.System, Stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public void Dispose()
    {
        _stop.Dispose();
        _quit.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        try
        {
            (_stop.IsCancellationRequested ? _quit : _stop).Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The work has ended, and the process is about to.
        }
    }
}
