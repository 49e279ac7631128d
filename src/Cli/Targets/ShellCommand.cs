using System.ComponentModel;
using System.Diagnostics;

namespace Messaging.Cli;

/// <summary>A short-lived program whose failure is a fault that could not be injected.</summary>
internal static class ShellCommand
{
    private const int MaxShown = 600;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>A command line of the user's, as a shell reads it.</summary>
    public static Task RunAsync(string line, CancellationToken cancellationToken) =>
        OperatingSystem.IsWindows() ? RunAsync("cmd", ["/c", line], null, cancellationToken) : RunAsync("/bin/sh", ["-c", line], null, cancellationToken);

    /// <returns>Its standard output.</returns>
    /// <exception cref="FaultException">It could not be started, failed, or took too long.</exception>
    public static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment, CancellationToken cancellationToken)
    {
        var start = OwnSession.Of(program, arguments);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = new Process { StartInfo = start };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        var what = string.Join(' ', arguments.Prepend(program));
        try
        {
            process.Start();
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            var text = await output;
            return process.ExitCode == 0 ? text : throw new FaultException($"{what} exited with {process.ExitCode}: {Tail(text + await errors)}");
        }
        catch (Win32Exception exception)
        {
            throw new FaultException($"{what} could not be started: {exception.Message}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new FaultException($"{what} was ended: it ran longer than {Quantity.Text(Limit)}, or the storm was told to quit.");
        }
    }

    private static string Tail(string text) => text.Length <= MaxShown ? text.Trim() : "…" + text[^MaxShown..].Trim();
}
