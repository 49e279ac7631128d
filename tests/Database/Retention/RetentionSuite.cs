using System.Globalization;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>Engines that remember for a day, on a clock that the test moves.</summary>
public abstract class RetentionSuite(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    protected static readonly TimeSpan Horizon = TimeSpan.FromHours(24);

    protected static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(60);

    internal ShiftedTime Time { get; } = new();

    internal Task<Engine> StartAsync(Action<EngineSetup>? configure = null) => StartEngineAsync(s =>
    {
        s.With("Retention:Hours", Horizon.TotalHours).With("Retention:ToleranceMinutes", Tolerance.TotalMinutes);
        s.Services.AddSingleton<TimeProvider>(Time);
        configure?.Invoke(s);
    });

    internal Submission Submission(string key, int quantity = 1) => Message.Submission(key, quantity: quantity, acceptedAt: Time.GetUtcNow());

    internal Delivery OfProbe(string key, TimeSpan age) => Message.OfProbe(key, headers:
        (MessageHeaders.AcceptedAt, (Time.GetUtcNow() + age).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)));

    /// <summary>Accepted, sent and confirmed; nothing has come of it yet.</summary>
    internal async Task AcceptAsync(Engine engine, params IEnumerable<Submission> submissions)
    {
        var results = await Task.WhenAll(submissions.Select(s => engine.Submissions.SubmitAsync(s, Cancelled)));
        Assert.All(results, r => Assert.Equal(SubmissionOutcome.Accepted, r.Outcome));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
    }

    /// <summary>Accepted and processed.</summary>
    internal async Task<List<Submission>> SettleAsync(Engine engine, params IEnumerable<string> keys)
    {
        var submissions = keys.Select(k => Submission(k)).ToList();
        await AcceptAsync(engine, submissions);
        await engine.ProcessAsync(SubmitOrder.Operation, submissions.Select(Message.OfSubmission));
        await Eventually.Equal(0, () => Tables.CountAsync("outgoing_messages"));
        return submissions;
    }

    internal async Task<(long Submissions, long Inbox)> KeysAsync() => (await Tables.CountAsync("submissions"), await Tables.CountAsync("inbox"));
}
