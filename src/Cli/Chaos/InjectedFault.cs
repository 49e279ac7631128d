namespace Messaging.Cli;

/// <summary>A fault that happened, in seconds since the run began; <c>Error</c> says why it did not work.</summary>
internal sealed record InjectedFault(string Name, string Target, double From, double Until, string? Error = null);
