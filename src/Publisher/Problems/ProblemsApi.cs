using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Messaging.Publisher;

/// <summary><c>/problems</c> and <c>/problems/{code}</c>: the pages that the type URIs of problems lead to.</summary>
internal static class ProblemsApi
{
    public static void MapProblems(this IEndpointRouteBuilder app)
    {
        app.MapGet(ProblemAddress.Path, List).ExcludeFromDescription();
        app.MapGet(ProblemAddress.Path + "/{code}", Explain).ExcludeFromDescription();
    }

    private static ContentHttpResult List() =>
        Page("Problems", string.Concat(ProblemType.All.Values.Select(type =>
            $"<p><a href=\"problems/{type.Code}\"><code>{type.Code}</code></a> {type.Status} {WebUtility.HtmlEncode(type.Title)}</p>")));

    private static IResult Explain(string code) => ProblemType.All.TryGetValue(code, out var type)
        ? Page(type.Code, $"<p>Status {type.Status}. {WebUtility.HtmlEncode(type.Title)}</p><p>{WebUtility.HtmlEncode(type.Mend)}</p><p><a href=\"../problems\">All problems</a></p>")
        : ProblemAnswers.NothingHere;

    private static ContentHttpResult Page(string title, string body) => TypedResults.Content(
        $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>{body}</html>", "text/html", Encoding.UTF8);
}
