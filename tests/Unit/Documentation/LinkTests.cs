using System.Text.RegularExpressions;
using Messaging.Services;

namespace Messaging.Unit;

public sealed partial class LinkTests
{
    [Fact]
    public void Every_link_within_the_repository_leads_to_a_file_and_to_a_heading_or_a_line_of_it()
    {
        var broken = from document in Document.All()
                     from link in document.Links()
                     where !link.Contains("://", StringComparison.Ordinal) && !link.StartsWith("mailto:", StringComparison.Ordinal)
                     where !Leads(document, link)
                     select $"{document.Path}: {link}";

        Assert.Empty(broken);
    }

    [Fact]
    public void No_page_names_a_path_of_somebodys_machine()
    {
        var found = from document in Document.All()
                    from match in MachinePath().Matches(document.Text)
                    select $"{document.Path}: {match.Value}";

        Assert.Empty(found);
    }

    private static bool Leads(Document from, string link)
    {
        var (path, anchor) = link.Split('#') is [var before, var after] ? (before, after) : (link, null);
        var target = path.Length == 0 ? from.Path : Path.Combine(Path.GetDirectoryName(from.Path)!, path);
        var full = Path.GetFullPath(Path.Combine(Repository.Root, target));
        if (anchor is not null && LineAnchor().Match(anchor) is { Success: true } line && File.Exists(full))
        {
            return File.ReadLines(full).Count() >= int.Parse(line.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        }

        return Path.Exists(full) && (anchor is null || Document.Read(Path.GetRelativePath(Repository.Root, full)).Anchors().Contains(anchor));
    }

    [GeneratedRegex(@"^L([0-9]+)$")]
    private static partial Regex LineAnchor();

    [GeneratedRegex(@"(?<![\w.:/])/(home|root|tmp|work|mnt|Users)/\S*|\b[A-Z]:\\\S+")]
    private static partial Regex MachinePath();
}
