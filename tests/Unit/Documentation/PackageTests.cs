using System.Xml.Linq;
using Messaging.Services;

namespace Messaging.Unit;

public sealed class PackageTests
{
    private static IEnumerable<string> Packages =>
        XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion").Select(package => package.Attribute("Include")!.Value);

    [Fact]
    public void Of_each_package_the_decisions_say_why_it_was_taken()
    {
        var decisions = Document.Read("docs/decisions.md").Text;

        Assert.All(Packages, package => Assert.Contains($"`{package}`", decisions, StringComparison.Ordinal));
    }

    [Fact]
    public void Each_package_has_one_version() => Assert.Empty(Packages.GroupBy(package => package).Where(same => same.Count() > 1).Select(same => same.Key));
}
