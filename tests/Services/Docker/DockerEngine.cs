using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Configurations;

namespace Messaging.Services;

/// <summary>What Testcontainers leaves out: whether an image can be had at all, and SIGKILL.</summary>
internal static class DockerEngine
{
    private static readonly TimeSpan PullLimit = TimeSpan.FromMinutes(10);

    private static readonly Lazy<IDockerClient?> Connection = new(
        () => TestcontainersSettings.OS.DockerEndpointAuthConfig?.GetDockerClientBuilder().Build());

    public static IDockerClient Client => Connection.Value ?? throw new InvalidOperationException("No Docker engine answers.");

    /// <summary>Null when a container of this image can be started here, else why not.</summary>
    public static async Task<string?> ObstacleAsync(string image)
    {
        try
        {
            if (Connection.Value is not { } client)
            {
                return "no Docker engine answers";
            }

            await client.System.PingAsync();
            return await HasImageAsync(client, image) ? null : await PullAsync(client, image);
        }
        catch (Exception exception) when (exception is DockerApiException or HttpRequestException or IOException or TimeoutException)
        {
            return $"no Docker engine answers ({exception.Message})";
        }
    }

    private static async Task<bool> HasImageAsync(IDockerClient client, string image)
    {
        try
        {
            await client.Images.InspectImageAsync(image);
            return true;
        }
        catch (DockerImageNotFoundException)
        {
            return false;
        }
    }

    private static async Task<string?> PullAsync(IDockerClient client, string image)
    {
        using var limit = new CancellationTokenSource(PullLimit, TimeProvider.System);
        try
        {
            var parameters = new ImagesCreateParameters { FromImage = image };
            await client.Images.CreateImageAsync(parameters, new AuthConfig(), new Progress<JSONMessage>(), limit.Token);
            return await HasImageAsync(client, image) ? null : $"Docker could not pull {image}";
        }
        catch (Exception exception) when (exception is DockerApiException or OperationCanceledException)
        {
            return $"Docker could not pull {image} ({exception.Message.Trim()})";
        }
    }
}
