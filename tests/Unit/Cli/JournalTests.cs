using Messaging.Cli;

namespace Messaging.Unit;

public sealed class JournalTests
{
    [Fact]
    public void A_key_may_be_refused_until_it_was_accepted()
    {
        using var journal = Attempted();

        journal.Refuse("k", 404);

        Assert.Empty(journal.Differing);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(422)]
    public void A_replay_that_is_refused_is_no_stable_reply(int status)
    {
        using var journal = Attempted();
        journal.Accept("k", 202, "{}");

        journal.Refuse("k", status);

        Assert.Equal($"k (accepted before, its replay was answered {status})", Assert.Single(journal.Differing));
    }

    [Theory]
    [InlineData(422, 0)]
    [InlineData(202, 1)]
    [InlineData(404, 1)]
    public void Another_payload_has_one_right_answer(int status, int offences)
    {
        using var journal = Attempted();
        journal.Accept("k", 202, "{}");

        journal.Conflict("k", status);

        Assert.Equal(offences, journal.Differing.Count);
    }

    [Fact]
    public void What_should_not_have_been_answered_is_in_the_file_too()
    {
        var file = Path.Combine(Path.GetTempPath(), Guid.CreateVersion7().ToString());
        try
        {
            using (var journal = Attempted(file))
            {
                journal.Accept("k", 202, "{}");
                journal.Conflict("k", 202);
            }

            using var read = Journal.Read(file);
            Assert.Equal((1, "k (another payload was answered 202)"), (read.Accepted, Assert.Single(read.Differing)));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Journal Attempted(string? file = null)
    {
        var journal = new Journal(file);
        journal.Attempt("k", "submit-order", "{}");
        return journal;
    }
}
