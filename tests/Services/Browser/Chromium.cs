using System.Net.Http.Json;
using System.Text.Json;

namespace Messaging.Services;

/// <summary>The installed Chromium without a window, on one page, driven over its DevTools protocol. It resolves no name but localhost.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder _profile;
    private readonly ChildProcess _process;
    private readonly DevTools _page;

    private Chromium(TemporaryFolder profile, ChildProcess process, DevTools page) => (_profile, _process, _page) = (profile, process, page);

    /// <summary>Of every request that the page made, the address.</summary>
    public IEnumerable<Uri> Requested => _page.Events("Network.requestWillBeSent").Select(e => new Uri(e.GetProperty("request").GetProperty("url").GetString()!));

    /// <summary>What was answered, by address.</summary>
    public IEnumerable<(Uri Address, int Status)> Answered => _page.Events("Network.responseReceived").Select(e => e.GetProperty("response"))
        .Select(response => (new Uri(response.GetProperty("url").GetString()!), response.GetProperty("status").GetInt32()));

    public static async Task<Chromium> StartAsync()
    {
        if (Executable.Find("chromium", []) is not { } program)
        {
            Unavailable.Because("there is no Chromium. Install the package chromium, or run ./test, which sees to it.");
            return null;
        }

        var profile = new TemporaryFolder("chromium");
        string[] sandbox = Environment.IsPrivilegedProcess ? ["--no-sandbox"] : [];
        var process = ChildProcess.Start(program,
        [
            .. sandbox, "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            "--window-size=1400,1000", $"--user-data-dir={profile.Path}", "--remote-debugging-port=0", "about:blank",
        ]);
        try
        {
            var page = await DevTools.ConnectAsync(await FindPageAsync(profile["DevToolsActivePort"]));
            await page.CallAsync("Network.enable", new { });
            await page.CallAsync("Page.enable", new { });
            return new Chromium(profile, process, page);
        }
        catch
        {
            await process.DisposeAsync();
            profile.Dispose();
            throw;
        }
    }

    public Task OpenAsync(Uri address) => _page.CallAsync("Page.navigate", new { url = address });

    /// <summary>The value of a JavaScript expression, as text.</summary>
    public async Task<string> EvaluateAsync(string expression)
    {
        var answer = await _page.CallAsync("Runtime.evaluate", new { expression, returnByValue = true, awaitPromise = true });
        return answer.TryGetProperty("exceptionDetails", out var failure)
            ? throw new InvalidOperationException($"{expression}: {failure}")
            : answer.GetProperty("result").TryGetProperty("value", out var value) ? value.ToString() : "";
    }

    /// <summary>Clicks the first element that matches, as soon as there is one.</summary>
    /// <param name="selector">CSS.</param>
    /// <param name="text">Text that the element contains.</param>
    public Task ClickAsync(string selector, string text = "") => Eventually.True(async () => await EvaluateAsync($$"""
        (() => {
            const found = [...document.querySelectorAll({{JsonSerializer.Serialize(selector)}})].find(e => e.textContent.includes({{JsonSerializer.Serialize(text)}}));
            found?.click();
            return found !== undefined;
        })()
        """) == "True", StartLimit, $"'{text}' to click among {selector}");

    public async Task<byte[]> ScreenshotAsync() => (await _page.CallAsync("Page.captureScreenshot", new { })).GetProperty("data").GetBytesFromBase64();

    public async ValueTask DisposeAsync()
    {
        await _page.DisposeAsync();
        await _process.DisposeAsync();
        _profile.Dispose();
    }

    private static async Task<Uri> FindPageAsync(string portFile)
    {
        using var http = new HttpClient();
        JsonElement page = default;
        await Eventually.Succeeds(async () =>
        {
            var port = (await File.ReadAllLinesAsync(portFile))[0];
            var targets = await http.GetFromJsonAsync<JsonElement[]>(new Uri($"http://127.0.0.1:{port}/json/list"));
            page = targets!.First(target => target.GetProperty("type").GetString() == "page");
        }, StartLimit, "Chromium to show a page");
        return new Uri(page.GetProperty("webSocketDebuggerUrl").GetString()!);
    }
}
