using Xunit.Sdk;
using Xunit.v3;

namespace Messaging.Stack;

/// <summary>The classes that take minutes begin first: begun last, each would run on alone beside empty places.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long =
    [
        nameof(StormTests), nameof(CrashMatrixOnPostgreSql), nameof(BenchTests), nameof(StandaloneChaosTests),
        nameof(CrashMatrixOnSqlite), nameof(BrokerFaultTests), nameof(NetworkFaultTests), nameof(OutageTests), nameof(StandaloneTests),
    ];

    /// <summary>A class is a collection, called "Test collection for" it.</summary>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Place(collection.TestCollectionDisplayName))];

    private static int Place(string collection) =>
        Array.FindIndex(Long, name => collection.Contains($".{name} ", StringComparison.Ordinal)) is var at and >= 0 ? at : Long.Length;
}
