namespace Messaging.Transactional;

/// <summary>How far a submission has come.</summary>
public enum SubmissionState
{
    /// <summary>Committed; its effect is still to come.</summary>
    Accepted,

    /// <summary>Its handler's outcome is committed: final.</summary>
    Completed,

    /// <summary>Its message waits for an operator.</summary>
    Parked,
}

/// <summary>A submission together with the outcome that the inbox stored for its key.</summary>
/// <param name="Id">The id of the thing submitted.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Acceptance">The first answer, UTF-8 JSON.</param>
/// <param name="AcceptedAt">UTC.</param>
/// <param name="KeyExpiresAt">When retention may forget the key, UTC; the status is kept as long.</param>
/// <param name="Outcome">What the handler answered; null until <see cref="SubmissionState.Completed"/>.</param>
/// <param name="CompletedAt">When the outcome was stored, UTC; null until then.</param>
public sealed record SubmissionStatus(
    Guid Id,
    SubmissionState State,
    byte[] Acceptance,
    DateTimeOffset AcceptedAt,
    DateTimeOffset KeyExpiresAt,
    Outcome? Outcome,
    DateTimeOffset? CompletedAt);
