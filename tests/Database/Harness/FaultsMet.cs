using System.Data.Common;
using System.Runtime.ExceptionServices;

namespace Messaging.Database;

/// <summary>
/// Counts what the database threw at the engines that were started since: that a fault was made says nothing, it must have been met. Other
/// tests that run at the same time are told apart by the flow of execution.
/// </summary>
internal sealed class FaultsMet : IDisposable
{
    private static readonly AsyncLocal<FaultsMet?> Current = new();

    private readonly Func<DbException, bool> _isMeant;
    private readonly HashSet<Exception> _seen = new(ReferenceEqualityComparer.Instance);

    public FaultsMet(Func<DbException, bool> isMeant)
    {
        (_isMeant, Current.Value) = (isMeant, this);
        AppDomain.CurrentDomain.FirstChanceException += See;
    }

    /// <summary>An exception that is thrown on through several frames counts once.</summary>
    public int Count
    {
        get
        {
            lock (_seen)
            {
                return _seen.Count;
            }
        }
    }

    public void Dispose() => AppDomain.CurrentDomain.FirstChanceException -= See;

    private void See(object? sender, FirstChanceExceptionEventArgs thrown)
    {
        if (ReferenceEquals(Current.Value, this) && thrown.Exception is DbException fault && _isMeant(fault))
        {
            lock (_seen)
            {
                _seen.Add(fault);
            }
        }
    }
}
