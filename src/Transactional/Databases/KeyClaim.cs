namespace Messaging.Transactional;

/// <summary>Rows that each want a key of their own, for <see cref="Dialect.Claim"/>.</summary>
internal sealed record KeyClaim
{
    /// <summary>Where the keys are: a unique <c>key_digest</c>.</summary>
    public required string Table { get; init; }

    /// <summary>The columns of the rows, in this order.</summary>
    public required string Columns { get; init; }

    /// <summary>The rows, a source named <c>c</c>.</summary>
    public required string Rows { get; init; }

    /// <summary>The keys that are asked for, a source named <c>a</c> with at least a <c>key_digest</c>.</summary>
    public required string Asked { get; init; }

    /// <summary>What is told of the holder <c>h</c> of a key that is asked for, the key first; two columns at least.</summary>
    public required string Holder { get; init; }

    /// <summary>The columns of an inserted row that <see cref="Then"/> reads, the key among them.</summary>
    public required string Returning { get; init; }

    /// <summary>A statement that follows for the inserted rows <c>s</c>, given what to read them from.</summary>
    public Func<string, string>? Then { get; init; }

    /// <summary>The inserted rows are updated later in the transaction: <see cref="Dialect.UpdateClaimed"/>.</summary>
    public bool IsUpdated { get; init; }
}
