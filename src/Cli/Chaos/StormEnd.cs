namespace Messaging.Cli;

/// <summary>What a storm has come to, once the last fault was healed.</summary>
/// <param name="Audit">Null when there was none.</param>
/// <param name="AuditObstacle">Why there was none; else null.</param>
/// <param name="Recovery">Null when throughput was not compared.</param>
/// <param name="Unhealed">What did not come back, or did not end, each with its reason.</param>
/// <param name="IsDrained">Nothing is on its way any more.</param>
/// <param name="IsInterrupted">By the user.</param>
internal sealed record StormEnd(
    AuditReport? Audit, string? AuditObstacle, Recovery? Recovery, IReadOnlyList<string> Unhealed, bool IsDrained, bool IsInterrupted)
{
    /// <summary>What is missing may still be on its way to a service that does not run: it is not called lost.</summary>
    public bool MayBeOnItsWay => Unhealed.Count > 0 && !IsDrained;

    /// <summary>Null without an audit.</summary>
    public string? Summary => Audit is { } audit && MayBeOnItsWay ? $"{audit.Keys} keys, {audit.Effects} effects, {audit.Doubled} doubled, not healed" : Audit?.Verdict;
}
