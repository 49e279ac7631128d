using System.Diagnostics.CodeAnalysis;

namespace Messaging.Services;

/// <summary>
/// A service that cannot be had here skips the test and names the mend. With MESSAGING_REQUIRE_SERVICES=1, which <c>./test</c>
/// sets, it fails the test instead: a skip nobody reads proves nothing.
/// </summary>
internal static class Unavailable
{
    private static bool ServicesAreRequired => Environment.GetEnvironmentVariable("MESSAGING_REQUIRE_SERVICES") == "1";

    [DoesNotReturn]
    public static void Because(string reason)
    {
        if (ServicesAreRequired)
        {
            Assert.Fail($"MESSAGING_REQUIRE_SERVICES=1, and {reason}");
        }

        Assert.Skip(reason);
        throw new InvalidOperationException("Assert.Skip returned.");
    }

    /// <summary>For what cannot be installed everywhere (SQL Server): <c>./test</c> counts these and says so in its last lines.</summary>
    [DoesNotReturn]
    public static void EvenThoughRequired(string reason)
    {
        Assert.Skip(reason);
        throw new InvalidOperationException("Assert.Skip returned.");
    }
}
