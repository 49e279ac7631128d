namespace Messaging.Stack;

/// <summary>
/// Runs by itself, after all others. Beside them a storm of three minutes took fourteen, in which its five services and its load wanted the
/// processor that the others waited for; and what is left of its throughput afterwards says something only when it is its own.
/// </summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class Alone;
