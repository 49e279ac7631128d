namespace Messaging.Services;

/// <summary>Where a quorum queue lives: the node that leads it, those that have a replica, and those whose replica is at work.</summary>
public sealed record QueueReplicas(string Leader, IReadOnlyList<string> Members, IReadOnlyList<string> Online)
{
    public override string ToString() => $"led by {Leader}, online on {Online.Count} of {Members.Count}";
}
