using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Messaging.Services;

namespace Messaging.Unit;

/// <summary>What can be known of the images and of the compose file without building the one or starting the other.</summary>
public sealed class ContainerTests
{
    [Theory]
    [InlineData("Publisher")]
    [InlineData("Consumer")]
    public void The_restore_layer_copies_every_project_that_the_service_needs(string service)
    {
        var dockerfile = Read($"src/{service}/Dockerfile");

        Assert.All(ProjectsOf(service), project => Assert.Contains($"COPY src/{project}/{project}.csproj src/{project}/\n", dockerfile, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Publisher")]
    [InlineData("Consumer")]
    public void The_build_sees_every_file_that_rules_it(string service)
    {
        string[] rules = [.. Directory.GetFiles(Repository.Root, "Directory.*"), .. Directory.GetFiles(Repository.Root, "*.config"), "global.json", "BannedSymbols.txt", ".editorconfig"];
        var (dockerfile, ignore) = (Read($"src/{service}/Dockerfile"), Read(".dockerignore"));

        Assert.All(rules.Select(Path.GetFileName), file =>
        {
            Assert.Contains($" {file} ", dockerfile, StringComparison.Ordinal);
            Assert.Contains($"!{file}\n", ignore, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void The_api_key_that_is_documented_for_the_compose_file_is_the_one_it_lets_in()
    {
        const string Key = "development-only";
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Key)));

        Assert.Contains($"MESSAGING_API_KEY_SHA256:-{hash}", Read("docker-compose.yml"), StringComparison.Ordinal);
        Assert.Contains($"X-Api-Key: {Key}'", Read("docker-compose.yml"), StringComparison.Ordinal);
        Assert.Contains($"X-Api-Key: {Key}'", Document.Readme.Text, StringComparison.Ordinal);
    }

    private static HashSet<string> ProjectsOf(string project)
    {
        var found = new HashSet<string> { project };
        foreach (var reference in XDocument.Parse(Read($"src/{project}/{project}.csproj")).Descendants("ProjectReference"))
        {
            found.UnionWith(ProjectsOf(Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)));
        }

        return found;
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path)).ReplaceLineEndings("\n");
}
