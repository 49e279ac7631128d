using System.CommandLine;

namespace Messaging.Cli;

/// <summary><c>messaging load</c>.</summary>
internal static class LoadCommand
{
    private const int CouldNotRun = 2;

    /// <summary>128 + SIGINT, as of a program that has no handler for it.</summary>
    private const int Quit = 130;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Command Create()
    {
        var url = Arguments.Addresses("--url", "The publisher, with the path in front of /api where there is one; several share the load in turn.", "http://localhost:5080", required: true, "http", "https");
        var apiKey = new Option<string?>("--api-key") { Description = "Sent as X-Api-Key.", HelpName = "KEY" };
        var load = new LoadOptions(standardRate: 100);
        var duration = Arguments.Duration("--duration", "How long to submit.", TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(1), TimeSpan.FromHours(24));
        var keys = Arguments.Number("--keys", "Ends when so many keys have been sent, if that is sooner; 0 is no limit.", 0, 0, 100_000_000);
        var journal = new Option<FileInfo?>("--journal") { Description = "Writes each attempt, each 2xx and each answer that should not have come as a JSON line, for messaging audit; the file must be new or empty.", HelpName = "FILE" };
        var command = new Command("load", """
            Submits orders and payments as a careful client does, and measures.

            Every submission carries an idempotency key. After a lost connection, a timeout, 429 or 5xx it is sent again under the same key. Of all requests, a share repeats an earlier one on purpose, soon or much later; each such answer must be the first acceptance, byte for byte. Ctrl-C ends with the result so far; a second one waits for no answer.

            Exit code: 0; 1 if a repetition was not answered as the first request, or another payload not with 422 (I5); 2 if nothing was accepted, or the arguments cannot be used; 130 after a second Ctrl-C.

            Example:
              messaging load --url http://localhost:5080 --rate 200/s --duration 60s --duplicates 30% --journal run.jsonl
            """)
        { url, apiKey, duration, keys, journal };
        load.AddTo(command);
        command.SetAction(arguments => RunAsync(
            load.Read(arguments) with { Urls = arguments.GetValue(url)!, ApiKey = arguments.GetValue(apiKey), Keys = arguments.GetValue(keys) is > 0 and var some ? some : null },
            arguments.GetValue(duration),
            arguments.GetValue(journal)?.FullName));
        return command;
    }

    private static async Task<int> RunAsync(LoadSettings settings, TimeSpan duration, string? path)
    {
        try
        {
            using var journal = new Journal(path);
            return await RunAsync(settings, duration, journal);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"The journal cannot be written: {exception.Message}");
            return CouldNotRun;
        }
    }

    private static async Task<int> RunAsync(LoadSettings settings, TimeSpan duration, Journal journal)
    {
        using var interruption = new Interruption();
        using var interrupted = interruption.Stop.Register(() => Console.WriteLine($"{Environment.NewLine}interrupted: waiting for the answers on their way, {Quantity.Text(Patience)} at most"));
        await using var run = new LoadRun(settings, journal, TimeProvider.System);
        using var quit = interruption.Quit.Register(run.Abandon);
        Console.WriteLine($"Seed {settings.Seed}. Keys begin with {settings.KeyPrefix}.");
        using (var timer = new PeriodicTimer(TimeSpan.FromSeconds(1)))
        {
            while (!run.Completion.IsCompleted && run.Elapsed < duration && !interruption.Stop.IsCancellationRequested)
            {
                await timer.WaitForNextTickAsync(CancellationToken.None);
                LoadView.Progress(run, journal, duration);
            }
        }

        await run.StopAsync(Patience);
        LoadView.Result(run, journal);
        if (interruption.Quit.IsCancellationRequested)
        {
            Console.WriteLine("Quit; what became of the submissions in hand is unknown.");
            return Quit;
        }

        return journal.Differing.Count > 0 ? 1 : journal.Accepted == 0 ? 2 : 0;
    }
}
