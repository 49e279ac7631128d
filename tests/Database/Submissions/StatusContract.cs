using System.Text;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>Step 5: what became of a submission, and who may know.</summary>
public abstract class StatusContract(SharedServers servers, DatabaseProvider provider) : ContractSuite(servers, provider)
{
    [Fact]
    public async Task A_submission_is_accepted_and_then_completed_with_the_outcome_of_its_handler()
    {
        var engine = await StartEngineAsync(s => s.With("Retention:Hours", 48));
        var submission = Message.Submission("k");
        await engine.Submissions.SubmitAsync(submission, Cancelled);

        var before = await FindAsync(engine, submission);
        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(submission));
        var after = await FindAsync(engine, submission);

        Assert.Equal((SubmissionState.Accepted, null, null), (before!.State, before.Outcome, before.CompletedAt));
        Assert.Equal(submission.Acceptance, before.Acceptance);
        Assert.Equal(before.AcceptedAt.AddHours(48), before.KeyExpiresAt);
        Assert.Equal((SubmissionState.Completed, "created", false), (after!.State, after.Outcome!.Status, after.Outcome.Failed));
        Assert.Equal($$"""{"order_id":"{{submission.Id}}"}""", Encoding.UTF8.GetString(after.Outcome.Result!));
        Assert.Equal(submission.AcceptedAt, after.CompletedAt!.Value, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_submission_whose_handler_always_fails_is_parked()
    {
        var engine = await StartEngineAsync(s => s.Script.Throws("poison"));
        var submission = Message.Submission("k", operation: Probe.Operation) with { Body = """{"word":"poison"}"""u8.ToArray() };
        await engine.Submissions.SubmitAsync(submission, Cancelled);

        await engine.ProcessAsync(Probe.Operation, Message.OfSubmission(submission));

        var status = await engine.Submissions.FindAsync(Message.Client, Probe.Operation, submission.Id, Cancelled);
        Assert.Equal((SubmissionState.Parked, null), (status!.State, status.Outcome));
    }

    [Fact]
    public async Task An_outcome_of_another_payload_is_not_shown_as_this_submissions()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k", quantity: 1);
        await engine.Submissions.SubmitAsync(submission, Cancelled);

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfOrder("k", quantity: 2));

        Assert.Equal(SubmissionState.Accepted, (await FindAsync(engine, submission))!.State);
    }

    [Fact]
    public async Task Nobody_else_sees_it()
    {
        var engine = await StartEngineAsync();
        var submission = Message.Submission("k");
        await engine.Submissions.SubmitAsync(submission, Cancelled);

        Assert.Null(await engine.Submissions.FindAsync("other", SubmitOrder.Operation, submission.Id, Cancelled));
        Assert.Null(await engine.Submissions.FindAsync(Message.Client.ToUpperInvariant(), SubmitOrder.Operation, submission.Id, Cancelled));
        Assert.Null(await engine.Submissions.FindAsync(Message.Client + " ", SubmitOrder.Operation, submission.Id, Cancelled));
        Assert.Null(await engine.Submissions.FindAsync(Message.Client, CapturePayment.Operation, submission.Id, Cancelled));
        Assert.Null(await engine.Submissions.FindAsync(Message.Client, SubmitOrder.Operation, Guid.CreateVersion7(), Cancelled));
    }

    [Fact]
    public async Task The_settled_among_many_are_found_in_one_query()
    {
        var engine = await StartEngineAsync();
        Submission[] all = [Message.Submission("done"), Message.Submission("waits"), Message.Submission("parked", quantity: 0)];
        foreach (var submission in all)
        {
            await engine.Submissions.SubmitAsync(submission, Cancelled);
        }

        await engine.ProcessAsync(SubmitOrder.Operation, Message.OfSubmission(all[0]), Message.OfSubmission(all[2]));

        var settled = await engine.Submissions.FindSettledAsync([.. all.Select(s => s.Id), Guid.CreateVersion7()], Cancelled);
        Assert.Equal(
            new Dictionary<Guid, SubmissionState> { [all[0].Id] = SubmissionState.Completed, [all[2].Id] = SubmissionState.Parked },
            settled.ToDictionary(s => s.Id, s => s.State));
        Assert.Empty(await engine.Submissions.FindSettledAsync([], Cancelled));
    }

    private static Task<SubmissionStatus?> FindAsync(Engine engine, Submission submission) =>
        engine.Submissions.FindAsync(submission.Key.Client, submission.Key.Operation, submission.Id, Cancelled);
}

public sealed class StatusOnSqlite(SharedServers servers) : StatusContract(servers, DatabaseProvider.Sqlite);

public sealed class StatusOnPostgreSql(SharedServers servers) : StatusContract(servers, DatabaseProvider.PostgreSql);

public sealed class StatusOnSqlServer(SharedServers servers) : StatusContract(servers, DatabaseProvider.SqlServer);
