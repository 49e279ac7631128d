using System.Globalization;

namespace Messaging.Throughput;

/// <summary>One contender: what it is told and, where it has a process of its own, the line it answers with.</summary>
internal static class Contender
{
    public const string Argument = "--contender";

    private const string Answer = "RESULT ";

    /// <summary>
    /// Those that receive from MassTransit's endpoint. When it stops, it may hand back what has been processed and not yet acknowledged; in a
    /// process where everything is compiled, it stops soon enough for that to be seen.
    /// </summary>
    public static bool IsOnMassTransit(string name) => name is "nothing" or "naive" or "naive-prefetch" || name.Contains("pipe", StringComparison.Ordinal) || name.Contains("consumer", StringComparison.Ordinal);

    /// <summary>
    /// All contenders run as the Consumer does, which has the runtime look for what is hot from the first call on (Throughput.csproj). The naive
    /// one stands for services that have left that at its default too: 100 ms (hexadecimal).
    /// </summary>
    public static Dictionary<string, string?> ToEnvironment(string name, Assignment work)
    {
        var environment = work.ToEnvironment();
        if (name == "naive")
        {
            environment["DOTNET_TC_CallCountingDelayMs"] = "64";
        }

        return environment;
    }

    /// <summary>Of a process that <see cref="Arena"/> has started.</summary>
    public static async Task<int> RunAsync(string name)
    {
        var perSecond = await MeasureAsync(name, Assignment.FromEnvironment());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Answer}{perSecond:0.0} {Environment.WorkingSet / 1024 / 1024}"));
        return 0;
    }

    /// <returns>Deliveries, messages or rows per second, the warm-up not counted.</returns>
    public static async Task<double> MeasureAsync(string name, Assignment work) => name switch
    {
        "raw" => await RawConsumer.RunAsync(work),
        "nothing" => await NothingConsumer.RunAsync(work),
        "naive" => await NaiveConsumer.RunAsync(work),
        "naive-prefetch" => await NaiveConsumer.RunAsync(work, prefetch: 2_000),
        "publish" => await RawPublisher.RunAsync(work),
        "dispatch" => await EngineDispatcher.RunAsync(work),
        "serve-empty" or "serve-single" or "serve-single-tuned" or "serve-single-by-hand" or "serve-single-publish" => await HttpContenders.ServeAsync(name, work),
        "sqlite-loop" => SqliteLoop.Run(work.Database, work.Total),
        _ when name.StartsWith(EffectsContender.Prefix, StringComparison.Ordinal) => await EffectsContender.RunAsync(name[EffectsContender.Prefix.Length..], work),
        _ => await EngineConsumer.RunAsync(name, work),
    };

    /// <summary>What a contender's process answered: deliveries, messages or rows per second, and its memory.</summary>
    public static (double PerSecond, int MegaBytes) Read(string output)
    {
        var line = output.Split('\n').LastOrDefault(l => l.Contains(Answer, StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"The contender gave no result. It printed:\n{output}");
        var parts = line[(line.IndexOf(Answer, StringComparison.Ordinal) + Answer.Length)..].Trim().Split(' ');
        return (double.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}

/// <param name="Database">A PostgreSQL connection string; the schema is there. For the SQLite loop, a file that is not there yet.</param>
/// <param name="Broker">An AMQP address; the queue is there and filled.</param>
/// <param name="Queue">Its name.</param>
/// <param name="Total">Deliveries to settle, or messages to publish.</param>
internal sealed record Assignment(string Database, Uri Broker, string Queue, int Total)
{
    public static Assignment FromEnvironment() => new(
        Required("ConnectionStrings__Orders"), new Uri(Required("ConnectionStrings__RabbitMq")), Required("BENCH_QUEUE"),
        int.Parse(Required("BENCH_TOTAL"), CultureInfo.InvariantCulture));

    public Dictionary<string, string?> ToEnvironment() => new()
    {
        ["Database__Provider"] = "PostgreSql",
        ["ConnectionStrings__Orders"] = Database,
        ["ConnectionStrings__RabbitMq"] = Broker.ToString(),
        ["BENCH_QUEUE"] = Queue,
        ["BENCH_TOTAL"] = Total.ToString(CultureInfo.InvariantCulture),
        ["Logging__LogLevel__Default"] = "Warning",
    };

    /// <summary>The same for a host in the process of the bench itself.</summary>
    public IEnumerable<KeyValuePair<string, string?>> ToSettings() =>
        ToEnvironment().Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), setting.Value));

    private static string Required(string name) =>
        Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"{name} is not set; contenders are started by the bench, not by hand.");
}
