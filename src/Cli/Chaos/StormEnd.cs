namespace Messaging.Cli;

/// <summary>What a storm has come to, once the last fault was healed.</summary>
/// <param name="Audit">Null when there was none.</param>
/// <param name="AuditObstacle">Why there was none; else null.</param>
/// <param name="Recovery">Null when throughput was not compared.</param>
/// <param name="Unhealed">What did not come back, or did not end, each with its reason.</param>
/// <param name="IsInterrupted">By the user.</param>
internal sealed record StormEnd(AuditReport? Audit, string? AuditObstacle, Recovery? Recovery, IReadOnlyList<string> Unhealed, bool IsInterrupted)
{
    /// <summary>Null without an audit. With a service that does not run, what is missing may still be on its way: nothing is called lost.</summary>
    public string? Summary => Audit is null ? null
        : Unhealed.Count == 0 ? Audit.Verdict
        : $"{Audit.Keys} keys, {Audit.Effects} effects, {Audit.Doubled} doubled, not healed";
}
