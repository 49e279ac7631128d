using Messaging.Services;

namespace Messaging.Stack;

public sealed class Longest() : LongestFirst(
    nameof(CrashMatrixOnPostgreSql), nameof(BenchTests), nameof(StandaloneChaosTests),
    nameof(CrashMatrixOnSqlite), nameof(BrokerFaultTests), nameof(NetworkFaultTests), nameof(OutageTests), nameof(StandaloneTests));
