using System.Globalization;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>
/// The set-based contender again, on an inbox that has remembered millions of keys, and once more while retention forgets some of them.
/// The rows are made once a session; each run brings keys of its own.
/// </summary>
internal sealed class ScaleRun(Arena arena) : IAsyncDisposable
{
    private const int Chunk = 1_000_000;

    private const string Remembered = "SELECT count(*) FROM inbox WHERE operation = 'filler'";

    private static readonly TimeSpan FillLimit = TimeSpan.FromMinutes(20);

    private Ground? _ground;
    private long _runs;

    private int Rows => arena.Options.InboxRows;

    /// <summary>
    /// Twice the same: right after a checkpoint, when PostgreSQL writes each page of the index to its log whole the first time it is touched, and
    /// then as it goes on. The second is judged: a busy system has touched its pages in the first seconds of the fifteen minutes between two
    /// checkpoints. What neither has is a checkpoint that writes pages to the disk meanwhile.
    /// </summary>
    /// <param name="contender">Its name; one that forgets has retention at work meanwhile.</param>
    public async Task RunAsync(string contender)
    {
        var ground = _ground ??= await FillAsync();
        if (!arena.Options.Quick)
        {
            // A quick session's few old keys would be forgotten in it.
            await ExecuteAsync(ground, "CHECKPOINT");
            await DrainAsync(ground, contender, $"{contender} large inbox after a checkpoint");
        }

        var rowsBefore = await ground.CountAsync(Remembered);
        await DrainAsync(ground, contender, $"{contender} large inbox");
        if (contender.Contains("forgetting", StringComparison.Ordinal))
        {
            var forgotten = rowsBefore - await ground.CountAsync(Remembered);
            if (forgotten == 0)
            {
                throw new InvalidOperationException("Retention was to be at work meanwhile, and forgot nothing.");
            }

            arena.Report.Add("rows forgotten meanwhile", "rows", forgotten);
        }
    }

    private async Task DrainAsync(Ground ground, string contender, string name)
    {
        var first = (int)_runs++ * Orders.UniqueOf(ground.Work.Total);
        await Broker.PublishAsync(ground.Work.Broker, ground.Work.Queue, Orders.Deliveries(ground.Work.Total, ground.Work.Queue, first));
        var perSecond = await arena.RunAsync(contender, ground.Work);
        await ground.RequireQueuedAsync(ground.Work.Queue, 0);
        await ground.RequireExactlyOnceAsync(_runs * Orders.UniqueOf(ground.Work.Total));
        arena.Report.Add(name, "deliveries/s", perSecond);
    }

    public async ValueTask DisposeAsync()
    {
        if (_ground is not null)
        {
            await _ground.DisposeAsync();
        }
    }

    /// <summary>Through the indexes, as they fill in use, not built afterwards; a tenth is past the horizon.</summary>
    private async Task<Ground> FillAsync()
    {
        var ground = await arena.PrepareAsync(Broker.Quorum, arena.Options.Messages);
        for (var from = 0; from < Rows; from += Chunk)
        {
            await ExecuteAsync(ground, string.Create(CultureInfo.InvariantCulture, $"""
                INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, accepted_at_ms, status, completed_at_ms)
                SELECT md5('key' || n)::uuid, 'bench', 'filler', 'filler-' || n || '-of-the-bench', sha256(n::text::bytea), md5('claim' || n / 100)::uuid, at, at, 'created', at
                FROM (SELECT n, (extract(epoch FROM now()) * 1000)::bigint
                             - CASE WHEN n % 10 = 0 THEN 2592000000 ELSE 0 END - (518400000.0 * ({Rows} - n) / {Rows})::bigint AS at
                      FROM generate_series({from + 1}, {Math.Min(from + Chunk, Rows)}) AS n) AS rows
                ORDER BY 1
                """));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {Math.Min(from + Chunk, Rows):#,0} rows in the inbox"));
        }

        await ExecuteAsync(ground, "VACUUM (ANALYZE) inbox");
        await ExecuteAsync(ground, "CHECKPOINT");
        return ground;
    }

    private static async Task ExecuteAsync(Ground ground, string sql)
    {
        await using var command = ground.DataSource.CreateCommand(sql);
        command.CommandTimeout = (int)FillLimit.TotalSeconds;
        await command.ExecuteNonQueryAsync();
    }
}
