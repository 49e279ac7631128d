using Xunit.Sdk;
using Xunit.v3;

namespace Messaging.Services;

/// <summary>The classes that take longest begin first: begun last, each would run on alone beside empty places.</summary>
/// <param name="classes">Their names, the longest first.</param>
public abstract class LongestFirst(params string[] classes) : ITestCollectionOrderer
{
    /// <summary>A class is a collection, called "Test collection for" it.</summary>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Place(collection.TestCollectionDisplayName))];

    private int Place(string collection) =>
        Array.FindIndex(classes, name => collection.Contains($".{name} ", StringComparison.Ordinal)) is var at and >= 0 ? at : classes.Length;
}
