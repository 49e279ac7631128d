using System.Text;
using Messaging.Publisher;
using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class StatusAnswerTests
{
    private static readonly DateTimeOffset AcceptedAt = new(2026, 1, 2, 5, 4, 5, 678, TimeSpan.FromHours(2));

    private static readonly SubmissionStatus Pending = new(
        Guid.Empty, SubmissionState.Accepted, """{"order_id":"x","item":"bo&k","quantity":1,"status":"accepted"}"""u8.ToArray(), AcceptedAt, AcceptedAt.AddDays(7), null, null);

    [Fact]
    public void A_pending_order_repeats_its_acceptance_and_says_how_long_its_key_is_kept() => Assert.Equal(
        """{"order_id":"x","item":"bo&k","quantity":1,"status":"accepted","accepted_at":"2026-01-02T03:04:05.678Z","key_expires_at":"2026-01-09T03:04:05.678Z"}""",
        Write(Pending));

    [Fact]
    public void A_completed_order_has_the_handler_s_status_and_result() => Assert.Equal(
        """{"order_id":"x","item":"bo&k","quantity":1,"status":"created","result":{"n":1},"accepted_at":"2026-01-02T03:04:05.678Z","completed_at":"2026-01-02T03:04:06.678Z","key_expires_at":"2026-01-09T03:04:05.678Z"}""",
        Write(Pending with { State = SubmissionState.Completed, Outcome = Outcome.Completed("created", new { n = 1 }), CompletedAt = AcceptedAt.AddSeconds(1) }));

    [Fact]
    public void A_refused_order_has_an_error() => Assert.Contains(
        "\"status\":\"failed\",\"error\":{\"code\":\"too-late\",\"detail\":\"Sold out.\"},",
        Write(Pending with { State = SubmissionState.Completed, Outcome = Outcome.Refused("too-late", "Sold out."), CompletedAt = AcceptedAt }),
        StringComparison.Ordinal);

    [Fact]
    public void A_parked_order_says_so() => Assert.Contains("\"status\":\"parked\"", Write(Pending with { State = SubmissionState.Parked }), StringComparison.Ordinal);

    private static string Write(SubmissionStatus status) => Encoding.UTF8.GetString(StatusAnswer.Write(status).Span);
}
