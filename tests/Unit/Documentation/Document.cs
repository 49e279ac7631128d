using System.Text.RegularExpressions;
using Messaging.Services;

namespace Messaging.Unit;

/// <summary>A page of the documentation, and what stands on it.</summary>
internal sealed partial record Document(string Path, string Text)
{
    public static Document Readme => Read("README.md");

    public static Document Read(string path) => new(path, File.ReadAllText(System.IO.Path.Combine(Repository.Root, path)).ReplaceLineEndings("\n"));

    public static IEnumerable<Document> All() =>
        Directory.GetFiles(Repository.Root, "*.md")
            .Concat(Directory.GetFiles(System.IO.Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Select(file => Read(System.IO.Path.GetRelativePath(Repository.Root, file)));

    /// <summary>Targets of links and images, without those that only look like links inside code.</summary>
    public IEnumerable<string> Links() => Link().Matches(Code().Replace(Text, "")).Select(match => match.Groups[1].Value);

    /// <summary>The anchors that its headings have on GitHub.</summary>
    public IEnumerable<string> Anchors() => Heading().Matches(Code().Replace(Text, ""))
        .Select(match => NotInAnchor().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'));

    /// <summary>The code below the comment <c>&lt;!-- mark --&gt;</c>.</summary>
    public string Sample(string mark)
    {
        var at = Text.IndexOf($"<!-- {mark} -->\n```csharp\n", StringComparison.Ordinal);
        Assert.True(at >= 0, $"{Path} has no C# sample below the comment '{mark}'.");
        var start = Text.IndexOf("```csharp\n", at, StringComparison.Ordinal) + "```csharp\n".Length;
        return Text[start..Text.IndexOf("\n```", start, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"```.*?```|`[^`\n]*`", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"[^\p{L}\p{Nd} _-]")]
    private static partial Regex NotInAnchor();
}
