using System.Text;
using System.Text.RegularExpressions;

namespace Messaging.Stack;

/// <summary>
/// Runs a .http file as editors do: requests separated by ###, variables set with @name = value, <c>{{$guid}}</c>, and
/// <c>{{name.response.headers.X}}</c> of an earlier request named with <c># @name</c>. A line <c># expect: 202 text</c> says what must come back.
/// </summary>
internal sealed partial class HttpFile(Front front)
{
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Answer> _named = new(StringComparer.Ordinal);

    /// <returns>How many requests were sent.</returns>
    public async Task<int> ExecuteAsync(string text)
    {
        var count = 0;
        foreach (var block in Separator().Split(text.ReplaceLineEndings("\n")))
        {
            count += await ExecuteBlockAsync(block) ? 1 : 0;
        }

        return count;
    }

    private async Task<bool> ExecuteBlockAsync(string block)
    {
        var (head, _, body) = Split(block);
        var lines = head.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in lines.Where(line => line.StartsWith('@')))
        {
            var (name, value) = (line[1..line.IndexOf('=', StringComparison.Ordinal)].Trim(), line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim());
            _variables[name] = name switch { "host" => front.Address.ToString().TrimEnd('/'), "api_key" => Front.Shop, _ => Fill(value) };
        }

        var request = lines.SkipWhile(line => !RequestLine().IsMatch(line)).ToArray();
        if (request.Length == 0)
        {
            return false;
        }

        var answer = await SendAsync(request, body);
        var expected = lines.Single(line => line.StartsWith("# expect: ", StringComparison.Ordinal))["# expect: ".Length..].Split(' ', 2);
        Assert.True(((int)answer.Status).ToString(System.Globalization.CultureInfo.InvariantCulture) == expected[0], $"{block}\n-> {(int)answer.Status} {answer.Body}");
        Assert.Contains(expected.ElementAtOrDefault(1) ?? "", answer.Body + string.Join('\n', answer.Headers), StringComparison.Ordinal);
        if (lines.FirstOrDefault(line => line.StartsWith("# @name ", StringComparison.Ordinal)) is { } named)
        {
            _named[named["# @name ".Length..].Trim()] = answer;
        }

        return true;
    }

    private async Task<Answer> SendAsync(string[] lines, string body)
    {
        var first = Fill(lines[0]).Split(' ');
        using var request = new HttpRequestMessage(new HttpMethod(first[0]), first[1]);
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Fill(body)));
        }

        foreach (var header in lines.Skip(1).Where(line => !line.StartsWith('#')))
        {
            var (name, value) = (header[..header.IndexOf(':', StringComparison.Ordinal)], Fill(header[(header.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()));
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return await front.SendAsync(request, null);
    }

    private string Fill(string text) => Variable().Replace(text, match => match.Groups[1].Value switch
    {
        "$guid" => Guid.CreateVersion7().ToString(),
        var name when name.Split('.') is [var named, "response", "headers", var header] => _named[named][header],
        var name => _variables[name],
    });

    private static (string Head, string Gap, string Body) Split(string block)
    {
        // The body begins after the first empty line behind the request line.
        var lines = block.Split('\n').ToList();
        var request = lines.FindIndex(line => RequestLine().IsMatch(line));
        var gap = request < 0 ? -1 : lines.FindIndex(request, line => line.Length == 0);
        return gap < 0 ? (block, "", "") : (string.Join('\n', lines.Take(gap)), "", string.Join('\n', lines.Skip(gap + 1)).Trim());
    }

    [GeneratedRegex("^###.*$", RegexOptions.Multiline)]
    private static partial Regex Separator();

    [GeneratedRegex("^(GET|POST|DELETE|OPTIONS|PUT) ")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"\{\{\s*([^}]+?)\s*\}\}")]
    private static partial Regex Variable();
}
