namespace Messaging.Cli;

/// <summary>A fault could not be injected or healed, or a target not be started; the message says what to do.</summary>
internal sealed class FaultException(string message) : Exception(message);
