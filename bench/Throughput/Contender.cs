using System.Globalization;

namespace Messaging.Throughput;

/// <summary>One contender, in a process of its own: what it is told, and the line it answers with.</summary>
internal static class Contender
{
    public const string Argument = "--contender";

    private const string Answer = "RESULT ";

    public static async Task<int> RunAsync(string name)
    {
        var work = Assignment.FromEnvironment();
        var perSecond = name switch
        {
            "raw" => await RawConsumer.RunAsync(work),
            "nothing" => await NothingConsumer.RunAsync(work),
            "naive" => await NaiveConsumer.RunAsync(work),
            "publish" => await RawPublisher.RunAsync(work),
            "dispatch" => await EngineDispatcher.RunAsync(work),
            "serve-empty" or "serve-single" or "serve-single-publish" => await HttpContenders.ServeAsync(name, work),
            "sqlite-loop" => SqliteLoop.Run(work.Database, work.Total),
            _ => await EngineConsumer.RunAsync(name, work),
        };
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Answer}{perSecond:0.0} {Environment.WorkingSet / 1024 / 1024}"));
        return 0;
    }

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

    private static string Required(string name) =>
        Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"{name} is not set; contenders are started by the bench, not by hand.");
}
