namespace Messaging.Transactional;

/// <summary>What became of a request under its idempotency key.</summary>
public enum SubmissionOutcome
{
    /// <summary>The key was new: submission and outgoing message are committed.</summary>
    Accepted,

    /// <summary>The key is known with the same payload: here is the first acceptance again. Nothing was written.</summary>
    Replayed,

    /// <summary>The key is known with another payload. Nothing was written, and nothing is said about the first.</summary>
    KeyReused,

    /// <summary>Another request is still committing this key, and the bounded wait for it ran out. Nothing was written.</summary>
    InFlight,
}

/// <summary>The answer to one submission.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="Id">The id that the key stands for; empty for <see cref="SubmissionOutcome.KeyReused"/> and <see cref="SubmissionOutcome.InFlight"/>.</param>
/// <param name="Acceptance">The first acceptance, byte for byte; empty likewise.</param>
public readonly record struct SubmissionResult(SubmissionOutcome Outcome, Guid Id, byte[] Acceptance);
