namespace Messaging.Transactional;

/// <summary>
/// The database cannot be used now: unreachable, shutting down, out of connections, or its schema is behind. Nothing was
/// stored; the same request may be sent again.
/// </summary>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="inner">The driver's error, if there was one.</param>
public sealed class DatabaseUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
