using Messaging.Services;

namespace Messaging.Stack;

/// <summary>The reading page as a person meets it: in a browser, at a Standalone just started.</summary>
public sealed class BrowserTests
{
    private const string Screenshots = "MESSAGING_SCREENSHOTS";

    private static readonly string[] Operations =
        ["Submit an order", "Look at an order", "Follow an order", "Submit a payment", "Look at a payment", "Follow a payment"];

    [Fact]
    public async Task The_reading_page_shows_the_operations_and_sends_its_example_and_asks_nobody_else()
    {
        using var folder = new TestFolder();
        await using var browser = await Chromium.StartAsync();
        await using var service = await ServiceProcess.StartReadyAsync(new ServiceOptions("Standalone", new Dictionary<string, string?>()) { Arguments = ["--data", folder.Path] });
        var address = service.Http.BaseAddress!;

        await browser.OpenAsync(new Uri(address, "docs/"));
        await Eventually.Satisfies(() => browser.EvaluateAsync("document.body.innerText"), text => Operations.All(operation => text.Contains(operation, StringComparison.Ordinal)));
        await KeepAsync(browser, "docs");

        await browser.ClickAsync("button", "Test Request(post /api/orders)");
        await browser.ClickAsync("button", "Send post request to");
        await Eventually.True(() => Statuses(browser, address) is [201], what: "the example, which prefers to wait, to be answered 201");

        await browser.ClickAsync("input[aria-label='Include Prefer in request']");
        await Eventually.Equal("False", () => browser.EvaluateAsync("document.querySelector(\"input[aria-label='Include Prefer in request']\").checked"));
        await browser.ClickAsync("button", "Send post request to");
        await Eventually.True(() => Statuses(browser, address) is [201, 202], what: "the same without Prefer to be answered 202");
        await Eventually.Satisfies(() => browser.EvaluateAsync("document.body.innerText"), text => text.Contains("202 Accepted", StringComparison.Ordinal));
        await KeepAsync(browser, "docs-answer");

        Assert.Equal(1, await folder.CountAsync("SELECT count(*) FROM orders"));
        Assert.All(browser.Requested.Where(request => request.Scheme is not ("data" or "blob")), request => Assert.Equal(address.Authority, request.Authority));
    }

    private static int[] Statuses(Chromium browser, Uri address) =>
        [.. browser.Answered.Where(answer => answer.Address == new Uri(address, "api/orders")).Select(answer => answer.Status)];

    /// <summary>For a person to look at, in the folder that the variable names.</summary>
    private static async Task KeepAsync(Chromium browser, string name)
    {
        var picture = await browser.ScreenshotAsync();
        Assert.NotEmpty(picture);
        if (Environment.GetEnvironmentVariable(Screenshots) is { Length: > 0 } kept)
        {
            await File.WriteAllBytesAsync(Path.Combine(kept, $"{name}.png"), picture, TestContext.Current.CancellationToken);
        }
    }
}
