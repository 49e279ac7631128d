namespace Messaging.Cli;

/// <summary>What was seen at one moment, in seconds since the run began. Null is what the database did not say then.</summary>
/// <param name="At">When.</param>
/// <param name="Submitted">Requests begun by the clients.</param>
/// <param name="Answered">Of these, answered 2xx.</param>
/// <param name="Keys">Different keys answered 2xx.</param>
/// <param name="Replays">Of the answers, those for a key that the service knew.</param>
/// <param name="Effects">Keys that have taken effect.</param>
/// <param name="Waiting">Accepted, and no outcome yet.</param>
/// <param name="Outgoing">Rows that wait for the broker.</param>
/// <param name="Parked">Messages that wait for an operator.</param>
/// <param name="ResidentBytes">Memory of the largest service.</param>
internal sealed record Sample(double At, long Submitted, long Answered, long Keys, long Replays, long? Effects, long? Waiting, long? Outgoing, long? Parked, long? ResidentBytes = null);

/// <summary>A stretch of the run with a name.</summary>
internal sealed record Phase(string Name, double From, double Until);
