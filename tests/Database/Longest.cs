using Messaging.Services;

namespace Messaging.Database;

public sealed class Longest() : LongestFirst(
    nameof(ModelTests), nameof(HandlerTimeoutOnPostgreSql), nameof(RetentionOnPostgreSql), nameof(ReconcileOnPostgreSql),
    nameof(BudgetTests), nameof(ClaimOnPostgreSql), nameof(FrozenHolderTests));
