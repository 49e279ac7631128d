namespace Messaging.Services;

/// <summary>Marks our containers, so that <c>./test</c> can remove what a killed test process left, and nothing of anybody else's.</summary>
internal static class TestRun
{
    public const string Label = "messaging-test-run";

    public static string Id => Environment.GetEnvironmentVariable("MESSAGING_TEST_RUN") ?? "by-hand";
}
