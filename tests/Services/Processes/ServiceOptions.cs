namespace Messaging.Services;

/// <param name="Project">The folder under src/: Publisher, Consumer, Standalone.</param>
/// <param name="Environment">Settings by their real names, such as ConnectionStrings__Orders. A null value removes a variable.</param>
public sealed record ServiceOptions(string Project, IReadOnlyDictionary<string, string?> Environment)
{
    public IReadOnlyList<string> Arguments { get; init; } = [];
}
