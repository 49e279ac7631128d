namespace Messaging.Publisher;

/// <summary>What can be asked for by GET can be by HEAD (RFC 9110 §9.1): the same answer, whose body the server itself leaves out.</summary>
internal static class HeadMethod
{
    private static readonly HttpMethodMetadata Reading = new([HttpMethods.Get, HttpMethods.Head]);

    /// <summary>
    /// For what is mapped below it. An address that would take any method (health, metrics) is there to be read, and takes no other.
    /// </summary>
    public static RouteGroupBuilder MapWithHead(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("");
        ((IEndpointConventionBuilder)group).Add(endpoint =>
        {
            if (endpoint.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault() is null or { HttpMethods: ["GET"] })
            {
                endpoint.Metadata.Add(Reading);
            }
        });
        return group;
    }
}
