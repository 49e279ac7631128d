namespace Messaging.Services;

/// <summary>Where an exchange (a request and its answer) is cut: after so many bytes of either.</summary>
/// <param name="Flow">Within the request, or within the answer.</param>
/// <param name="Bytes">That still pass.</param>
public readonly record struct Cut(Flow Flow, int Bytes)
{
    /// <summary>The server never sees the request.</summary>
    public static Cut BeforeServer => new(Flow.ToServer, 0);

    /// <summary>The server has done what it was asked for: its answer is there, and not a byte of it reaches the client.</summary>
    public static Cut AfterServer => new(Flow.ToClient, 0);
}
