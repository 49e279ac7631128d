using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Messaging.Transactional;

/// <summary>
/// Contexts whose handler was given up and whose session is ended. EF Core opens a connection anew that it finds closed: the handler's next
/// statement would have a session without the transaction, and be committed by itself.
/// </summary>
internal sealed class GivenUpContexts : DbConnectionInterceptor
{
    /// <summary>Of all databases: a context is in it only as long as somebody has it.</summary>
    public static readonly GivenUpContexts All = new();

    private readonly ConditionalWeakTable<DbContext, object> _contexts = [];

    public void Add(DbContext context) => _contexts.TryAdd(context, this);

    public override InterceptionResult ConnectionOpening(DbConnection connection, ConnectionEventData eventData, InterceptionResult result) =>
        Refuse(eventData) ?? result;

    public override ValueTask<InterceptionResult> ConnectionOpeningAsync(
        DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Refuse(eventData) ?? result);

    private InterceptionResult? Refuse(ConnectionEventData eventData) => eventData.Context is { } context && _contexts.TryGetValue(context, out _)
        ? throw new ObjectDisposedException(context.GetType().Name, "The handler has had its time (Inbox__HandlerTimeoutMilliseconds), and its transaction is gone.")
        : null;
}
